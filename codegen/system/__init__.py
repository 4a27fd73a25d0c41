"""All input and output: files, programs and templates."""
