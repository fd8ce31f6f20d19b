environment       = "dev"
github_repository = "example/zarpa"
github_subjects   = ["environment:dev"]
budget_usd        = 200
budget_emails     = ["platform@example.com"]

public_access_cidrs = ["203.0.113.0/24"]

service_account = {
  namespace = "dev"
  name      = "faro"
}
