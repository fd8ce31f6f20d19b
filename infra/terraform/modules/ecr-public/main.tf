# The public repository, with what its page in the gallery says.

resource "aws_ecrpublic_repository" "this" {
  repository_name = var.name

  catalog_data {
    description       = "A greeting with a visit counter and a users API: the reference service of zarpa"
    architectures     = ["x86-64"]
    operating_systems = ["Linux"]
    about_text        = "A small, complete service for Kubernetes."
    usage_text        = "Install it with the chart charts/faro, or ship it with `zarpa up`."
  }
}
