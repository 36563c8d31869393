"""Which candidate: Optuna keeps the books, genomes are bred, workers fit them, the best are delivered."""

from .evaluation import Evaluation as Evaluation
from .evaluation import ranked as ranked
from .joining import run_worker as run_worker
from .outcome import Listener as Listener
from .outcome import Outcome as Outcome
from .outcome import Silent as Silent
from .outcome import Snapshot as Snapshot
from .outcome import WorkerState as WorkerState
from .plan import Plan as Plan
from .record import PictureRecord as PictureRecord
from .record import StudyRecord as StudyRecord
from .record import read_curves as read_curves
from .record import read_study as read_study
from .record import read_trajectory as read_trajectory
from .request import Request as Request
from .request import read_request as read_request
from .restoring import run_restore as run_restore
from .run import run_search as run_search
from .sampling import run_sampling as run_sampling
from .uncertainty import full_scale as full_scale
