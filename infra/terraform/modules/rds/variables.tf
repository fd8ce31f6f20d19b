variable "name" {
  description = "Name of the database instance."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in at least two zones."
  type        = list(string)
}

variable "client_group_id" {
  description = "Security group of those who may connect."
  type        = string
}

variable "database" {
  description = "Size of the database, and whether it survives a zone."
  type = object({
    instance_class = string
    storage_gb     = number
    multi_az       = bool
  })
}

variable "is_kept_on_destroy" {
  description = "Whether `terraform destroy` is refused, and a last snapshot taken."
  type        = bool
}
