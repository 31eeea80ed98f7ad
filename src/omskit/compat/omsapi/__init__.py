"""The official client ``omsapi`` 0.9.8, on top of omskit.

``from omskit.compat.omsapi import OMSAPI`` is the only line of a script that changes:
names, arguments and answers are those of ``omsapi``. What differs is where the official
client gives a wrong answer without a word:

* a filter, a sort key or an attribute with a name that does not exist is not left out:
  nothing is sent, and the error names the one that was meant;
* the first ten rows of more are a warning, unless the page was chosen;
* sort keys, attributes and includes keep their order;
* a failure of the service is an error, not an answer;
* values are encoded, so that ``&``, ``+`` and ``#`` arrive as they were written;
* ``None``, times and flags are written as OMS reads them;
* making a query asks nothing; what a resource has is asked once, and only for names
  that omskit does not know;
* every request has a time-out, and is tried again where that helps;
* certificates are always verified, ``cert_verify=False`` or not.

Example:
    >>> api = OMSAPI("demo", verbose=False)
    >>> q = api.query("runs").filter("fill_number", 5839).sort("run_number", asc=False)
    >>> rows = q.attrs(["run_number"]).paginate(per_page=2).data().json()["data"]
    >>> [row["id"] for row in rows]
    ['297051', '297050']
"""

from omskit.compat.omsapi.answer import Answer
from omskit.compat.omsapi.api import OMSAPI, OMSApiException
from omskit.compat.omsapi.query import (
    OMS_FILTER_OPERATORS,
    OMS_INCLUDES,
    OMSMetaQuery,
    OMSQuery,
)

__all__ = [
    "OMSAPI",
    "OMS_FILTER_OPERATORS",
    "OMS_INCLUDES",
    "Answer",
    "OMSApiException",
    "OMSMetaQuery",
    "OMSQuery",
]
