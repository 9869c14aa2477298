"""Users' data sets and the trainings that need them."""

from facecore.errors import TrainingRunError
from facecore.own_data_store import delete_own_data
from facecore.training_runs import TrainingRun, list_runs

_DATA_KEYS = ("dataset", "unlabelled")  # of a run's config


def find_runs_on(name: str) -> list[TrainingRun]:
    """Return the trainings on a data set that wait or run, the next one to end first.

    Args:
        name: of the data set.
    """
    runs = [run for run in list_runs() if run.is_active]
    return [run for run in runs if name in (run.values.get(key) for key in _DATA_KEYS)]


def delete_unneeded_data(name: str) -> None:
    """Delete a user's data set as ``delete_own_data`` does, unless a training needs it.

    A training reads the pictures when it begins, and once more when its network is finished.

    Args:
        name: of the data set.

    Raises:
        TrainingRunError: if a training on it waits or runs.
        DatasetNotFoundError: if there is none of that name.
        StorageError: if it cannot be deleted.
    """
    if runs := find_runs_on(name):
        titles = " and ".join(f"“{run.title}”" for run in runs)
        raise TrainingRunError(
            f"These pictures are needed until the training of {titles} has ended; wait for that, "
            "or stop it on the page Train, and delete them then."
        )
    delete_own_data(name)
