"""Templates that users write: rendered where they can read what they are given, and nothing else of the program.

A template may come from somebody else, or be written by who may edit texts and not the configuration. Jinja2 gives any
template the whole interpreter (``link.__globals__`` leads to the environment with its tokens, and to commands); in its sandbox
attributes that lead out are refused, also behind ``format`` and ``attr``, and nothing it is given can be changed.

Here: that environment, for every sink that takes templates of users. Not here: what templates are given (``tickets``).
"""

from collections.abc import Callable

from jinja2 import BaseLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

RENDERING_FAILED = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    RuntimeError,
)
"""What rendering a template may raise, whatever is in it."""


def sandbox(loader: BaseLoader, finalize: Callable[[object], str]) -> ImmutableSandboxedEnvironment:
    """An environment for templates of users, of lines of text.

    Args:
        loader: Where they are.
        finalize: Makes a value the text that is shown.
    """
    # No autoescape: nothing here is HTML. `finalize` sees every value.
    return ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
