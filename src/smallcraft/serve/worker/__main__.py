"""`python -m smallcraft.serve.worker`: a worker process, started by the supervisor."""

from smallcraft.serve.worker.starting import run_worker

if __name__ == "__main__":
    run_worker()
