"""What judges backward passes: the museum of wrong ones."""
