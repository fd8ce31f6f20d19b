variable "name" {
  description = "Name of the budget."
  type        = string
}

variable "environment" {
  description = "Value of the tag Environment, whose cost is counted."
  type        = string
}

variable "limit_usd" {
  description = "Monthly budget in US dollars."
  type        = number
}

variable "emails" {
  description = "Who hears of it."
  type        = list(string)
}
