output "region" {
  description = "AWS region, for `aws eks update-kubeconfig`."
  value       = var.region
}

output "cluster_name" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = module.eks.cluster_name
}

output "image_hub" {
  description = "The registry: `hub` of the environment's registry in zarpa.toml."
  value       = module.ecr.registry
}

output "repository_url" {
  description = "Repository of the image."
  value       = module.ecr.repository_url
}

output "public_repository_url" {
  description = "Public repository of the image, when there is one."
  value       = one(module.ecr_public[*].repository_url)
}

output "workflow_role_arn" {
  description = "Role of the workflow: the variable AWS_ROLE_ARN of the repository's environment."
  value       = module.github.role_arn
}

output "service_role_arn" {
  description = "Role of the service: the annotation eks.amazonaws.com/role-arn of its ServiceAccount."
  value       = module.irsa.role_arn
}

output "database_address" {
  description = "Host of the database, when there is one."
  value       = one(module.rds[*].address)
}

output "database_secret_arn" {
  description = "Secret with the database's password, when there is one."
  value       = one(module.rds[*].secret_arn)
}
