"""A failed upload is announced once, and a cancelled one is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from schema.core.database import Database
from schema.core.states import UploadState
from schema.mailbox import Mailbox
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import add_upload, give_up
from schema.uploads.wire import NewUpload
from tests.workers.webhooks.conftest import add_webhook, deliveries, send_due
from tests.workers.webhooks.receiver import WebhookReceiver
from workers.webhooks.delivery import WebhookSender


@pytest.mark.parametrize(("state", "messages"), [(UploadState.FAILED, 1), (UploadState.CANCELLED, 0)])
def test_a_failed_upload_is_announced_once_with_its_reason(
    database: Database,
    redis_client: Redis,
    tmp_path: Path,
    receiver: WebhookReceiver,
    sender: WebhookSender,
    state: UploadState,
    messages: int,
) -> None:
    add_webhook(database, receiver.url())
    with database.write() as session:
        upload = add_upload(
            session, owner="local", name="talk.wav", new=NewUpload(), size_bytes=3, expires_s=60, open_limit=5
        )
    stores = Stores(database, redis_client, Mailbox(redis_client), str(tmp_path / "files"))
    for _ in range(2):
        give_up(
            stores,
            upload.id,
            state,
            reason=UploadFailure.NO_AUDIO,
            detail="no audio; send another",
        )
    assert send_due(sender) == messages
    events = [(each.event, '"reason":"no_audio"' in each.body, upload.id in each.body) for each in deliveries(database)]
    assert events == [("upload.failed", True, True)] * messages
    assert len(receiver.requests) == messages
