"""What a DX7 voice sounds like: tables, envelopes, LFO, pitch, operators and `render`."""

from ddx7.engine.control import VOICE_AXES as VOICE_AXES
from ddx7.engine.control import Controls as Controls
from ddx7.engine.control import Plan as Plan
from ddx7.engine.control import controls as controls
from ddx7.engine.control import plan as plan
from ddx7.engine.control import plan_nearest as plan_nearest
from ddx7.engine.controllers import ControllerAssignment as ControllerAssignment
from ddx7.engine.controllers import ControllerInput as ControllerInput
from ddx7.engine.controllers import Controllers as Controllers
from ddx7.engine.differentiable import play_differentiable as play_differentiable
from ddx7.engine.differentiable import render_differentiable as render_differentiable
from ddx7.engine.operators import OperatorState as OperatorState
from ddx7.engine.operators import initial_state as initial_state
from ddx7.engine.operators import synthesise as synthesise
from ddx7.engine.patch import CONTINUOUS as CONTINUOUS
from ddx7.engine.patch import Patch as Patch
from ddx7.engine.patch import quantise as quantise
from ddx7.engine.patch import relax as relax
from ddx7.engine.profile import DEXED as DEXED
from ddx7.engine.profile import HARDWARE as HARDWARE
from ddx7.engine.profile import HARDWARE_DAC as HARDWARE_DAC
from ddx7.engine.profile import PROFILES as PROFILES
from ddx7.engine.profile import Profile as Profile
from ddx7.engine.profile import as_profile as as_profile
from ddx7.engine.rendering import play as play
from ddx7.engine.rendering import render as render
