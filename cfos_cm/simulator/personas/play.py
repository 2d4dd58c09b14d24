"""One play: a persona's script, from its first call to its last goodbye."""

from __future__ import annotations

from cfos_cm.simulator.personas.persona import Finding, Performance, Persona, Reaction
from cfos_cm.simulator.personas.stage import EndOfPlay, NobodyThere, NotShown, Stage
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["play"]


async def play(persona: Persona, stage: Stage) -> Performance:
    """
    Have a persona play.

    Every wait in it has its end, so that it comes to one whatever the Central System does.

    @raise NobodyThere: if nothing listens at the address, and never did during this play.
    """
    wallbox = Wallbox(stage, persona.make)
    not_shown = ""
    try:
        await persona.script(wallbox)
    except EndOfPlay:
        # What it was is the last of the findings.
        pass
    except NotShown as reason:
        not_shown = str(reason)
        await wallbox.tidy_up()
    except NobodyThere as gone:
        if not wallbox.findings:
            raise
        wallbox.findings.append(Finding("connects again", Reaction.CLOSED, str(gone), False))
    finally:
        await wallbox.leave()
    return Performance(persona, tuple(wallbox.findings), not_shown, wallbox.transcript.lines())
