"""The tools that correct. An assistant gets them only if whoever starts the server allows it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.client import corrections
from api.mcp.answers import SaidPassage
from api.mcp.tools import AskedMeeting, ReadingTools, passage

ReadVersion = Annotated[
    int, Field(description="The version that you read. If somebody else was faster, it is refused.")
]


class CorrectingTools(ReadingTools):
    async def correct_passage(
        self,
        meeting_id: AskedMeeting,
        segment_id: int,
        version: ReadVersion,
        text: Annotated[str, Field(description="The whole text of the passage, as it should be.")],
    ) -> SaidPassage:
        """Correct a passage of the transcript. The minutes that rest on it are written again."""
        async with self.api() as http:
            corrected = await corrections.correct_segment(http, meeting_id, segment_id, {"text": text}, version)
        return passage(meeting_id, corrected)

    async def correct_minutes(
        self,
        meeting_id: AskedMeeting,
        sentence_id: str,
        version: ReadVersion,
        text: Annotated[str, Field(description="The whole sentence, as it should be.")],
    ) -> str:
        """Correct a sentence of the final minutes. Returns the sentence as it is now."""
        async with self.api() as http:
            return (await corrections.correct_sentence(http, meeting_id, sentence_id, {"text": text}, version)).text

    async def rename_speaker(
        self,
        meeting_id: AskedMeeting,
        speaker: Annotated[str | None, Field(description="The name now; null for passages without a speaker.")],
        new_speaker: str,
    ) -> int:
        """Rename a speaker in a whole meeting. Returns the number of passages that changed."""
        async with self.api() as http:
            return (await corrections.rename_speaker(http, meeting_id, speaker, new_speaker)).segments
