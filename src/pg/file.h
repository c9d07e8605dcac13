// The server's functions for files, under their own names: hosted libraries call them.
#pragma once

#include "pg/server.h"

extern "C" {
#include "storage/fd.h"
}
