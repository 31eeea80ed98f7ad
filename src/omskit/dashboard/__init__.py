"""``oms dashboard``: what OMS shows, in a browser, from this machine alone.

Pages are made on the server, each from what its address says, so that a link is the
whole view. `omskit.dashboard.pages` has one module a page, which decide and draw;
`omskit.dashboard.asking` asks the client; `omskit.dashboard.app` is the ASGI face.
"""

from omskit.dashboard.app import application
from omskit.dashboard.asking import Asker
from omskit.dashboard.serving import running, serve

__all__ = ["Asker", "application", "running", "serve"]
