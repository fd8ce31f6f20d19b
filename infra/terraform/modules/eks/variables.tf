variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in at least two zones."
  type        = list(string)
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
}

variable "node_instance_types" {
  description = "Instance types of the nodes."
  type        = list(string)
}

variable "node_count" {
  description = "Fewest, usual and most nodes."
  type = object({
    min     = number
    desired = number
    max     = number
  })
}
