"""Django, in one file: each worker connects for itself at its first request; 503 with Retry-After.

AEROSPIKE_HOSTS=127.0.0.1:3000 gunicorn --workers 2 django_app:application
"""

from __future__ import annotations

import math
import os
import secrets

import aerospike
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from aerospike_resilience import BackpressureError, CircuitOpenError, connect_per_process

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY=secrets.token_hex(), DEBUG=False
)
client = connect_per_process(profile="latency", name="visits")


@csrf_exempt
def visit(_request: HttpRequest, user: str) -> JsonResponse:
    key = ("test", "visits", user)
    try:
        client.increment(key, "count", 1)
        _, _, bins = client.get(key)
    except (CircuitOpenError, BackpressureError) as error:
        # Nothing was sent: the caller may ask again, but not at once.
        wait_s = getattr(error, "retry_after_s", None) or 1
        retry_after = {"Retry-After": str(math.ceil(wait_s))}
        return JsonResponse({"error": "the database is busy"}, status=503, headers=retry_after)
    except aerospike.exception.AerospikeError as error:
        return JsonResponse({"error": type(error).__name__}, status=502)
    return JsonResponse({"user": user, "count": bins["count"], "worker": os.getpid()})


urlpatterns = [path("visits/<str:user>", visit)]
application = get_wsgi_application()
