"""What happens to recordings on their way into another domain: a module for each step."""
