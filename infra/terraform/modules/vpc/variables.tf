variable "name" {
  description = "Beginning of the names."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC; a sixteenth of them goes to each subnet."
  type        = string
}

variable "zones" {
  description = "Number of availability zones."
  type        = number

  validation {
    condition     = var.zones >= 2 && var.zones <= 8
    error_message = "EKS needs two zones; the addresses suffice for eight."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all zones."
  type        = bool
}
