"""What all faces share: time, identifiers, scripts, the log and the way out."""

import threading

from marketcore_simulator.clock import SimulatedClock, Timers
from marketcore_simulator.courier import Courier
from marketcore_simulator.events import EventLog
from marketcore_simulator.ids import Ids
from marketcore_simulator.scripts import ScriptBook
from marketcore_simulator.settings import Settings


class World:
    """One simulated payments world; hold `lock` to read and change a face's state."""

    def __init__(self, seed: int | None = None) -> None:
        self.lock = threading.RLock()
        self.ids = Ids(seed)
        self.clock = SimulatedClock()
        self.timers = Timers(self.clock)
        self.settings = Settings()
        self.scripts = ScriptBook()
        self.log = EventLog(self.clock)
        self.courier = Courier(self.log, self.settings)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Let time have its effects."""
        self._stopping.clear()
        self.timers.start()

    def stop(self) -> None:
        """End the timers and every wait."""
        self._stopping.set()
        self.timers.stop()

    def wait(self, seconds: float) -> None:
        """Sleep in real time, less if the simulator stops."""
        self._stopping.wait(seconds)

    def shift_clock(self, seconds: float) -> None:
        """Move simulated time; what falls due by it happens at once."""
        self.clock.shift(seconds)
        self.timers.clock_changed()

    def reset(self) -> None:
        """Forget all but the identifiers already given out."""
        self.timers.clear()
        self.scripts.clear()
        self.settings.reset()
        self.clock.reset()
        self.log.clear()
