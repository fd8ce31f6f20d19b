environment       = "prod"
github_repository = "example/zarpa"
github_subjects   = ["environment:prod"]
budget_usd        = 800
budget_emails     = ["platform@example.com"]

public_access_cidrs = ["203.0.113.0/24"]

single_nat_gateway  = false
node_instance_types = ["m7i.large"]
node_count = {
  min     = 3
  desired = 3
  max     = 10
}

service_account = {
  namespace = "prod"
  name      = "faro"
}

create_database = true
database = {
  instance_class = "db.t4g.medium"
  storage_gb     = 50
  multi_az       = true
}
