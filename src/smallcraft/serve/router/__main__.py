"""`python -m smallcraft.serve.router`: a router process, started by the supervisor."""

from smallcraft.serve.router.serving import run_router

if __name__ == "__main__":
    run_router()
