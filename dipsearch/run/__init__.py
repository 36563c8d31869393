"""The run that ties everything together: a search from a request to its delivery, and a restoration likewise."""

from ..delivery.uncertainty import full_scale as full_scale
from ..planning.plan import Plan as Plan
from ..trials.request import Request as Request
from ..trials.request import read_request as read_request
from ..trials.trial import Trial as Trial
from .one_by_one import Restorations as Restorations
from .outcome import Callback as Callback
from .outcome import Outcome as Outcome
from .outcome import Silent as Silent
from .outcome import Snapshot as Snapshot
from .picture_record import PictureRecord as PictureRecord
from .posterior import run_sampling as run_sampling
from .restore_run import run_restore as run_restore
from .search_run import run_search as run_search
from .study_record import StudyRecord as StudyRecord
from .study_record import read_curves as read_curves
from .study_record import read_study as read_study
from .study_record import read_trajectory as read_trajectory
