"""Sessions with the server through libpq, which every PostgreSQL client has, so that no other package is
needed.  A call waits without Python's global lock, so threads can be concurrent sessions."""

import ctypes
import subprocess
import threading

_OK = (1, 2)  # PGRES_COMMAND_OK, PGRES_TUPLES_OK
_EMPTY = 0
_IDLE = 0  # PQTRANS_IDLE


def _open():
    try:
        return ctypes.CDLL("libpq.so.5")
    except OSError:  # a server that is not the system's
        folder = subprocess.run(["pg_config", "--libdir"], capture_output=True, text=True, check=True)
        return ctypes.CDLL(folder.stdout.strip() + "/libpq.so.5")


_pq = _open()
for _name, _result, _arguments in [
    ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]),
    ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQfinish", None, [ctypes.c_void_p]),
    ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
    ("PQbackendPID", ctypes.c_int, [ctypes.c_void_p]),
    ("PQtransactionStatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQexec", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
    ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQresultErrorField", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int]),
    ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
    ("PQnfields", ctypes.c_int, [ctypes.c_void_p]),
    ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
    ("PQgetisnull", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
    ("PQclear", None, [ctypes.c_void_p]),
]:
    getattr(_pq, _name).restype = _result
    getattr(_pq, _name).argtypes = _arguments
_NOTICES = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_pq.PQsetNoticeProcessor.restype = ctypes.c_void_p
_pq.PQsetNoticeProcessor.argtypes = [ctypes.c_void_p, _NOTICES, ctypes.c_void_p]
_silence = _NOTICES(lambda _, __: None)


class Error(Exception):
    """The error of a command; is_lost if the session was lost, too."""

    def __init__(self, sqlstate, message, is_lost=False):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate, self.message, self.is_lost = sqlstate, message, is_lost


def _quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Session:
    """One connection, to the server in PGHOST if there is no host.  Options are settings: {'lock_timeout':
    '3s'}."""

    _opening = threading.Lock()

    def __init__(self, database, host=None, **options):
        words = " ".join(f"-c {k}={v}" for k, v in options.items())
        text = f"dbname={_quoted(database)} connect_timeout=10 options={_quoted(words)} application_name=bench"
        if host is not None:
            text += f" host={_quoted(host)}"
        self._handle = _pq.PQconnectdb(text.encode())
        _pq.PQsetNoticeProcessor(self._handle, _silence, None)
        if _pq.PQstatus(self._handle) != 0:
            message = _pq.PQerrorMessage(self._handle).decode(errors="replace").strip()
            self.close()
            raise Error("08001", message, True)
        self.pid = _pq.PQbackendPID(self._handle)

    def close(self):
        if self._handle:
            _pq.PQfinish(self._handle)
            self._handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def is_idle(self):
        return _pq.PQtransactionStatus(self._handle) == _IDLE

    def run(self, sql):
        """The rows of the last statement, as tuples of texts and None."""
        result = _pq.PQexec(self._handle, sql.encode())
        try:
            status = _pq.PQresultStatus(result) if result else -1
            if status in _OK or status == _EMPTY and result:
                return [
                    tuple(
                        None
                        if _pq.PQgetisnull(result, row, column)
                        else _pq.PQgetvalue(result, row, column).decode(errors="replace")
                        for column in range(_pq.PQnfields(result))
                    )
                    for row in range(_pq.PQntuples(result))
                ]
            state = _pq.PQresultErrorField(result, ord("C")) if result else None
            text = _pq.PQresultErrorField(result, ord("M")) if result else None
            detail = _pq.PQresultErrorField(result, ord("D")) if result else None
            lines = [text or _pq.PQerrorMessage(self._handle), detail or b""]
            message = b"\n".join(lines).decode(errors="replace").strip()
            lost = _pq.PQstatus(self._handle) != 0
            raise Error(state.decode() if state else "08006", message, lost)
        finally:
            if result:
                _pq.PQclear(result)

    def value(self, sql):
        rows = self.run(sql)
        return rows[0][0] if rows else None
