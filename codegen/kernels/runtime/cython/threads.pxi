def set_num_threads(count):
    """Set how many threads a large sum is computed by, each on a part of the output.

    At the start it is ``OMP_NUM_THREADS``, or else the number of processors. The threads live as
    long as the call. Where there are no POSIX threads, one is used.

    Raises:
        TypeError: the count is no integer.
        ValueError: it is not from 1 to 1024.

    """
    threads(count)


def get_num_threads():
    """Return how many threads a large sum is computed by."""
    return threads()
