"""For other ASGI servers: `uvicorn myproject.asgi:application`. The `dddp` command needs none."""

import os

from django.core.asgi import get_asgi_application

from dddp.asgi import DDPApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings")
application = DDPApplication(get_asgi_application())
