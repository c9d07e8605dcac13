// The end of a transaction that has changed registrations or memory (extensions/ledger.h).
//
//   PRE_COMMIT   reads the registrations of this transaction, and does everything that
//                can fail: takes the provisioning lock, makes room.
//   COMMIT       publishes them, settles memory, starts and stops workers.  Cannot fail:
//                an error is a WARNING, and the launcher repairs it.
//   ABORT        gives back memory; nothing else has happened.
//   PREPARE      as ABORT; the launcher waits for the transaction's end.
//
// Work rolled back to a savepoint is simply not among the registrations any more.
//
// Scenarios:
//
//   CREATE EXTENSION         PRE_COMMIT requests its workers' processes; COMMIT lets them run
//   ... rolled back          ABORT cancels them; memory that only it wanted is freed
//   ROLLBACK TO SAVEPOINT    the same for its memory; PRE_COMMIT makes wanted memory anew
//   DROP EXTENSION           COMMIT publishes first, then ends workers and lets memory drain
//   CREATE dynpgext          PRE_COMMIT adopts; a comparison follows for older transactions
//   DROP dynpgext            PRE_COMMIT runs all finis and removes the database's mark
//   two in one database      the second waits in PRE_COMMIT, for the provisioning lock
//   PREPARE TRANSACTION      the launcher sends a visit after COMMIT PREPARED
//   in a restore             PRE_COMMIT joins it: nothing runs until the restore is over
//   no slot for a worker     the worker waits; a commit is never refused for this
//   an ERROR in COMMIT       a WARNING in the log; memory is settled, and a visit does the rest
#pragma once

namespace dynpgext::provisioning {

// Registers the transaction callbacks; once in a process.
void watch_transactions();
// Called before a commit that has dropped dynpgext from the database, for further cleanup.  Once,
// when the library is loaded.
void follow_drops_of_dynpgext(void (*follow)());

}  // namespace dynpgext::provisioning
