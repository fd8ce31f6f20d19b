# What must hold of a plan, whatever the provider answers.

variables {
  environment         = "dev"
  github_repository   = "example/zarpa"
  budget_usd          = 100
  budget_emails       = ["platform@example.com"]
  public_access_cidrs = ["203.0.113.0/24"]
}

run "names_and_network" {
  command = plan

  assert {
    condition     = output.cluster_name == "faro-dev"
    error_message = "The cluster is called after the environment."
  }

  assert {
    condition     = length(module.vpc) == 1
    error_message = "Without a VPC of one's own, one is made."
  }

  assert {
    condition     = output.database_secret_arn == null
    error_message = "There is no database unless asked for."
  }
}

run "existing_network" {
  command = plan

  variables {
    vpc_id             = "vpc-0"
    private_subnet_ids = ["subnet-0", "subnet-1"]
  }

  assert {
    condition     = length(module.vpc) == 0
    error_message = "An existing VPC is used."
  }
}

run "the_world_stays_out" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "a_budget_tells_somebody" {
  command = plan

  variables {
    budget_emails = []
  }

  expect_failures = [var.budget_emails]
}
