variable "name" {
  description = "Name of the repository."
  type        = string
}
