"""The only input and output: files, programs and templates."""
