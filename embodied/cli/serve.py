"""`embodied serve`: a real LLM server that is kept running."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from embodied.errors import ConfigError
from embodied.serving import START_SECONDS, ModelServer
from embodied.simulated_llm.server_process import ADDRESS

_END_SECONDS = 30.0
"""What an interrupted command gets to end by itself."""


def serve(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- OPTIONS", help="Further options of the engine's."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME-OR-PATH", help="The model, on the hub or on disk.")
    ] = None,
    engine: Annotated[str, typer.Option(help="vllm, or llamacpp for GGUF files.")] = "vllm",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Interpreter of the environment that has the engine. Without it, this one; for "
            "llamacpp a llama-server on the PATH comes first.",
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(help="Instead of an engine, what serves {model} at {host} and {port}."),
    ] = None,
    start_seconds: Annotated[
        float, typer.Option(min=0, help="Longest wait for the first answer of each start.")
    ] = START_SECONDS,
    log: Annotated[
        Path | None, typer.Option(help="File that the engine's output is added to.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show the engine's output instead.")
    ] = False,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Serve only while this command runs, and exit as it does; {model} and {base_url} "
            "are filled in.",
        ),
    ] = None,
) -> None:
    """Serve a model, and start the server again when it dies. Runs until it is interrupted.

    \b
      embodied serve --model Qwen/Qwen3-8B -- --max-model-len 16384
      embodied serve --model models/smollm2 --python vllm-env/bin/python -- --enforce-eager
      embodied serve --engine llamacpp --model model.gguf
      embodied serve --command "embodied simulate-llm --port {port}"
    """  # noqa: D301 - \b keeps click from filling a paragraph
    if run is not None:  # a shell that starts it in the background may have SIGINT ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    server = ModelServer(
        model,
        engine=engine,
        host=host,
        port=port,
        python=python,
        command=command,
        arguments=arguments or (),
        start_seconds=start_seconds,
        log=log,
        verbose=verbose,
    )
    print(f"starting; the server's output goes to {server.log or 'standard error'}", flush=True)
    try:
        with server:
            print(f"{server.model!r} {ADDRESS}{server.base_url}", flush=True)
            if run is not None:
                raise typer.Exit(_run(run, server))
            settings = ("--llm.model", server.model, "--llm.base_url", server.base_url)
            words = ["embodied", "run", "--env", "alfworld", "--policy", "llm", *settings]
            print(f"use it with: {shlex.join(words)}", flush=True)
            server.wait()
    except KeyboardInterrupt:
        print("stopped")


def _run(command: str, server: ModelServer) -> int:
    try:
        words = shlex.split(command)
        for name, value in (("{model}", server.model), ("{base_url}", server.base_url)):
            words = [word.replace(name, value) for word in words]
        process = subprocess.Popen(words)  # noqa: S603
    except (OSError, ValueError) as error:
        raise ConfigError(f"--run {command!r} does not start: {error}") from None
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = _end(process)
    return code if code >= 0 else 128 - code


def _end(process: subprocess.Popen[bytes]) -> int:
    """End a command that was interrupted with this one; a second interruption kills it."""
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if _is_in_foreground():
                return process.wait(_END_SECONDS)
        process.terminate()
        return process.wait(_END_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        return process.wait()


def _is_in_foreground() -> bool:
    """Tell whether a terminal sends Ctrl-C to this process, and so to the command as well."""
    try:
        with Path("/dev/tty").open() as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
