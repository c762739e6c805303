"""Signals of this app. Django's own (`user_logged_in`, ...) are sent as well.

`mail_sending`: a mail with a link is about to be sent. Arguments: `sender` (the user model),
`user`, `purpose` ("reset", "verify" or "enroll"), `address`, `link`, `token`, and `message`, an
`EmailMultiAlternatives` that receivers may change. One that returns False has sent it by itself.

`user_signed_up`: `createUser` has made a user. Arguments: `sender`, `user`, `request`.

`password_was_reset`: by a link in a mail. Arguments: `sender`, `user`, `request`.

`email_verified`: by a link in a mail. Arguments: `sender`, `user`, `address`.
"""

from django.dispatch import Signal

mail_sending = Signal()
user_signed_up = Signal()
password_was_reset = Signal()
email_verified = Signal()
