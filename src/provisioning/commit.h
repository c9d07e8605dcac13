// What follows when a transaction ends that has changed registrations or memory
// (extensions/ledger.h).
//
//   PRE_COMMIT   reads the registrations as this transaction leaves them, and does all that
//                can fail: takes the provisioning lock, makes room.
//   COMMIT       publishes them, settles memory, starts and stops workers.  Cannot fail:
//                what goes wrong is a WARNING, and the launcher makes it good.
//   ABORT        gives back memory; nothing else has happened.
//   PREPARE      as ABORT; the launcher waits for the transaction's end.
//
// What was rolled back to a savepoint is simply not among the registrations any more.
//
// Scenarios:
//
//   CREATE EXTENSION         PRE_COMMIT asks for its workers' processes; COMMIT lets them run
//   ... rolled back          ABORT calls them off; memory that only it wanted goes
//   ROLLBACK TO SAVEPOINT    the same for its memory; PRE_COMMIT makes anew what is still wanted
//   DROP EXTENSION           COMMIT publishes first, then ends workers and lets memory drain
//   CREATE dynpgext          PRE_COMMIT adopts; a comparison follows for older transactions
//   DROP dynpgext            PRE_COMMIT runs all finis and takes the database's mark back
//   two in one database      the second waits in PRE_COMMIT, for the provisioning lock
//   PREPARE TRANSACTION      the launcher sends a visit when COMMIT PREPARED has come
//   in a restore             PRE_COMMIT joins it: nothing runs until the restore is over
//   no slot for a worker     it waits; a commit is never refused for it
//   an ERROR in COMMIT       a WARNING in the log; memory is settled, and a visit does the rest
#pragma once

namespace dynpgext::provisioning {

// Registers the transaction callbacks; once in a process.
void watch_transactions();
// Before a commit that has dropped dynpgext from the database: what else has to go.  Once, when the
// library is loaded.
void follow_drops_of_dynpgext(void (*follow)());

}  // namespace dynpgext::provisioning
