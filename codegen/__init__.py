"""Write kernels, documents and certificates from replayed theorems."""
