variable "environment" {
  description = "Name of the environment, as in zarpa.toml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "The environment is 2 to 16 lower-case letters, digits and dashes."
  }
}

variable "name" {
  description = "Beginning of the names of all resources."
  type        = string
  default     = "faro"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "tags" {
  description = "Further tags of all resources."
  type        = map(string)
  default     = {}
}

# Images.

variable "create_public_repository" {
  description = "Whether images are published in ECR Public too."
  type        = bool
  default     = false
}

# Who may push and deploy.

variable "github_repository" {
  description = "Repository whose workflow pushes and deploys, as owner/name."
  type        = string
}

variable "github_subjects" {
  description = "What of that repository may do so: `environment:NAME` or `ref:REF`."
  type        = list(string)
  default     = ["environment:prod"]
}

variable "github_oidc_provider_arn" {
  description = "An existing provider of GitHub's tokens; null creates one. An account can have only one."
  type        = string
  default     = null
}

# Network.

variable "vpc_id" {
  description = "An existing VPC; null creates one."
  type        = string
  default     = null
}

variable "private_subnet_ids" {
  description = "Private subnets of the existing VPC, in at least two zones."
  type        = list(string)
  default     = []
}

variable "vpc_cidr" {
  description = "Addresses of the created VPC."
  type        = string
  default     = "10.0.0.0/16"
}

variable "zones" {
  description = "Number of availability zones."
  type        = number
  default     = 3
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones: cheaper, but it fails with its zone."
  type        = bool
  default     = true
}

# Cluster.

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
  default     = "1.34"
}

variable "cluster_role_arn" {
  description = "An existing role of the control plane; null creates one."
  type        = string
  default     = null
}

variable "node_role_arn" {
  description = "An existing role of the nodes; null creates one."
  type        = string
  default     = null
}

variable "public_access_cidrs" {
  description = "Networks that reach the API server from outside; none leaves it private."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.public_access_cidrs, "0.0.0.0/0")
    error_message = "The API server is not for the whole world."
  }
}

variable "node_instance_types" {
  description = "Instance types of the nodes."
  type        = list(string)
  default     = ["t3.medium"]
}

variable "node_count" {
  description = "Fewest, usual and most nodes."
  type = object({
    min     = number
    desired = number
    max     = number
  })
  default = {
    min     = 2
    desired = 2
    max     = 4
  }
}

variable "service_account" {
  description = "Namespace and name of the ServiceAccount that takes the service's role."
  type = object({
    namespace = string
    name      = string
  })
  default = {
    namespace = "dev"
    name      = "faro"
  }
}

# Database.

variable "create_database" {
  description = "Whether there is an RDS PostgreSQL."
  type        = bool
  default     = false
}

variable "database" {
  description = "Size of the database, and whether it survives a zone."
  type = object({
    instance_class = string
    storage_gb     = number
    multi_az       = bool
  })
  default = {
    instance_class = "db.t4g.micro"
    storage_gb     = 20
    multi_az       = false
  }
}

# Cost.

variable "budget_usd" {
  description = "Monthly budget in US dollars, of all that carries the environment's tag."
  type        = number
}

variable "budget_emails" {
  description = "Who hears of 80 % spent, and of 100 % foreseen."
  type        = list(string)

  validation {
    condition     = length(var.budget_emails) > 0
    error_message = "A budget that tells nobody is none: give at least one address."
  }
}
