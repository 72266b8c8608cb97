"""A stranger's plugin: one architecture and one task folder, named and not imported."""

from leaner_harness import ArchitectureSpec, TaskFolder, hookimpl


@hookimpl
def register_architectures():
    return [ArchitectureSpec("tiny-gpt", build="leaner_example.model:build", sizes=("1M",))]


@hookimpl
def register_tasks():
    return [TaskFolder("example", "leaner_example:tasks")]
