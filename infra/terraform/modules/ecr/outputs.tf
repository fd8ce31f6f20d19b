output "repository_arn" {
  description = "ARN of the repository."
  value       = aws_ecr_repository.this.arn
}

output "repository_url" {
  description = "Registry and name of the repository."
  value       = aws_ecr_repository.this.repository_url
}

output "registry" {
  description = "Host of the registry."
  value       = split("/", aws_ecr_repository.this.repository_url)[0]
}
