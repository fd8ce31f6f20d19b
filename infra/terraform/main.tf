locals {
  name = "${var.name}-${var.environment}"
  tags = merge(var.tags, {
    Environment = var.environment
    Project     = var.name
  })

  creates_vpc        = var.vpc_id == null
  vpc_id             = local.creates_vpc ? module.vpc[0].vpc_id : var.vpc_id
  private_subnet_ids = local.creates_vpc ? module.vpc[0].private_subnet_ids : var.private_subnet_ids
}

module "ecr" {
  source = "./modules/ecr"
  name   = local.name
}

module "ecr_public" {
  source = "./modules/ecr-public"
  count  = var.create_public_repository ? 1 : 0
  name   = var.name

  providers = {
    aws = aws.us_east_1
  }
}

module "github" {
  source         = "./modules/github-oidc"
  name           = local.name
  repository     = var.github_repository
  subjects       = var.github_subjects
  provider_arn   = var.github_oidc_provider_arn
  repository_arn = module.ecr.repository_arn
  public_arns    = module.ecr_public[*].repository_arn
  cluster_arn    = module.eks.cluster_arn
}

module "vpc" {
  source             = "./modules/vpc"
  count              = local.creates_vpc ? 1 : 0
  name               = local.name
  cidr               = var.vpc_cidr
  zones              = var.zones
  single_nat_gateway = var.single_nat_gateway
}

module "eks" {
  source              = "./modules/eks"
  name                = local.name
  kubernetes_version  = var.kubernetes_version
  subnet_ids          = local.private_subnet_ids
  cluster_role_arn    = var.cluster_role_arn
  node_role_arn       = var.node_role_arn
  public_access_cidrs = var.public_access_cidrs
  node_instance_types = var.node_instance_types
  node_count          = var.node_count
}

# What the workflow's role may do in the cluster: deploy, not administer.
resource "aws_eks_access_entry" "deploy" {
  cluster_name  = module.eks.cluster_name
  principal_arn = module.github.role_arn
}

resource "aws_eks_access_policy_association" "deploy" {
  cluster_name  = module.eks.cluster_name
  principal_arn = aws_eks_access_entry.deploy.principal_arn
  policy_arn    = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"

  access_scope {
    type       = "namespace"
    namespaces = [var.service_account.namespace]
  }
}

module "irsa" {
  source            = "./modules/irsa"
  name              = local.name
  oidc_provider_arn = module.eks.oidc_provider_arn
  oidc_issuer       = module.eks.oidc_issuer
  service_account   = var.service_account
  secret_arns       = module.rds[*].secret_arn
}

module "rds" {
  source             = "./modules/rds"
  count              = var.create_database ? 1 : 0
  name               = local.name
  vpc_id             = local.vpc_id
  subnet_ids         = local.private_subnet_ids
  client_group_id    = module.eks.node_security_group_id
  database           = var.database
  is_kept_on_destroy = var.environment == "prod"
}

module "budget" {
  source      = "./modules/budget"
  name        = local.name
  environment = var.environment
  limit_usd   = var.budget_usd
  emails      = var.budget_emails
}
