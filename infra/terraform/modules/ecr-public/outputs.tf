output "repository_arn" {
  description = "ARN of the repository."
  value       = aws_ecrpublic_repository.this.arn
}

output "repository_url" {
  description = "Registry and name of the repository."
  value       = aws_ecrpublic_repository.this.repository_uri
}
