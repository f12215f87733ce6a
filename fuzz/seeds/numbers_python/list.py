import torch
sigmas = torch.tensor([14.6, 1.0,  # first
  0.0])
times = [0.9, 0.1]
