"""Train and fine-tune recognition models that the user owns. The only room that may import torch."""
