"""What a DX7 voice sounds like: tables, envelopes, LFO, pitch, operators and `render`."""

from ddx7.engine import xla

xla.configure()

from ddx7.engine.control import Controls as Controls  # noqa: E402
from ddx7.engine.control import Plan as Plan  # noqa: E402
from ddx7.engine.control import controls as controls  # noqa: E402
from ddx7.engine.control import plan as plan  # noqa: E402
from ddx7.engine.control import plan_nearest as plan_nearest  # noqa: E402
from ddx7.engine.operators import State as State  # noqa: E402
from ddx7.engine.operators import initial_state as initial_state  # noqa: E402
from ddx7.engine.operators import synthesise as synthesise  # noqa: E402
from ddx7.engine.patch import CONTINUOUS as CONTINUOUS  # noqa: E402
from ddx7.engine.patch import Patch as Patch  # noqa: E402
from ddx7.engine.patch import quantise as quantise  # noqa: E402
from ddx7.engine.patch import relax as relax  # noqa: E402
from ddx7.engine.performance import Assignment as Assignment  # noqa: E402
from ddx7.engine.performance import Controllers as Controllers  # noqa: E402
from ddx7.engine.performance import Performance as Performance  # noqa: E402
from ddx7.engine.relaxed import render_relaxed as render_relaxed  # noqa: E402
from ddx7.engine.rendering import play as play  # noqa: E402
from ddx7.engine.rendering import render as render  # noqa: E402
