def set_num_threads(count):
    """Set the number of threads for a large sum, each of which computes a part of the output.

    At the start it is ``OMP_NUM_THREADS``, or else the number of processors. The threads live as
    long as the call. Where there are no POSIX threads, one is used.

    Raises:
        TypeError: the count is not an integer.
        ValueError: it is not from 1 to 1024.

    """
    _use_threads(count)


def get_num_threads():
    """Return the number of threads for a large sum."""
    return threads()
