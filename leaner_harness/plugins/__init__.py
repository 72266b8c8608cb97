"""Built-in plugins, each as small as a stranger's would be."""
