"""Train a layer that PyTorch lacks: an involution, whose filter depends on the place in the image.

It learns the maximum of each pixel's neighbourhood, which no fixed filter computes.
"""

import torch

from rot180.codegen.adapters import as_torch


def train(steps: int = 300) -> list[float]:
    """Return the loss at each step."""
    torch.manual_seed(0)
    involution = as_torch("y[n,c,p,q] = sum[k,l] a[n,k,l,p,q] * x[n,c,p+k-1,q+l-1]")
    layers = torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(32, 9, 1)
    filters = torch.nn.Sequential(*layers, torch.nn.Unflatten(1, (3, 3)))
    optimizer, losses = torch.optim.Adam(filters.parameters(), lr=0.01), []
    for _ in range(steps):
        x = torch.rand(16, 1, 12, 12)
        wanted = torch.nn.functional.max_pool2d(x, 3, stride=1, padding=1)
        loss = torch.nn.functional.mse_loss(involution(filters(x), x), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    print(f"loss {losses[0]:.4f} at first, {losses[-1]:.4f} after {len(losses)} steps")
