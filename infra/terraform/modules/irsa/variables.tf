variable "name" {
  description = "Beginning of the role's name."
  type        = string
}

variable "oidc_provider_arn" {
  description = "Provider of the ServiceAccounts' tokens."
  type        = string
}

variable "oidc_issuer" {
  description = "Issuer of those tokens, without its scheme."
  type        = string
}

variable "service_account" {
  description = "Namespace and name of the ServiceAccount."
  type = object({
    namespace = string
    name      = string
  })
}

variable "secret_arns" {
  description = "Secrets that the service reads."
  type        = list(string)
}
