variable "name" {
  description = "Beginning of the role's name."
  type        = string
}

variable "repository" {
  description = "Repository, as owner/name."
  type        = string
}

variable "subjects" {
  description = "What of the repository may take the role: `environment:NAME` or `ref:REF`."
  type        = list(string)
}

variable "provider_arn" {
  description = "An existing provider of GitHub's tokens; null creates one."
  type        = string
  default     = null
}

variable "repository_arn" {
  description = "The private image repository."
  type        = string
}

variable "public_arns" {
  description = "The public image repositories."
  type        = list(string)
}

variable "cluster_arn" {
  description = "The cluster."
  type        = string
}
