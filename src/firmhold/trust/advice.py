"""What a person should do about each code. The code that decides cannot import this module."""

from firmhold.trust.errors import Code

_KEEP = "Nothing was changed; what was trusted before stays in force. "
_OWNER = "Tell the repository's owner"

_ADVICE: dict[Code, str] = {
    Code.TUF_SIGNATURES_ROOT_BY_TRUSTED: _KEEP
    + "The new root is not signed by enough holders of the old one: check the root ceremony.",
    Code.TUF_SIGNATURES_ROOT_BY_ITSELF: _KEEP
    + "The root is not signed by enough of its own holders: pin another file or repeat the ceremony.",
    Code.TUF_NO_SUCH_TARGET: "Check the spelling of the target path; no authority has signed for it.",
    Code.TUF_HOLDERS: _KEEP + "Each key of a delegator needs a holder in `x-firmhold-holders`.",
    Code.TUF_RETIRES: _KEEP + "`x-firmhold-retires` maps key ids to dates as 2030-01-31T12:00:00Z.",
    Code.CEREMONY_SHAPE: "The file is no part of a ceremony, or was altered: get it again from whoever made it.",
    Code.CEREMONY_TAG: "This is another file of a ceremony than the one that is asked for here.",
    Code.CEREMONY_POSSESSION: "The card was not signed by the key that it names: have its holder make it again.",
    Code.CEREMONY_BEFORE: "The plan builds on documents that do not follow from the root that you hold: sign nothing, and ask who made the plan.",
    Code.CEREMONY_CHANGE: "Look at what stands now (`keys show`), and plan again.",
    Code.CEREMONY_UNSOUND: "What would stand afterwards is not safe or could never be signed: plan again.",
    Code.CEREMONY_NOT_A_HOLDER: "This key has no seat in what is being signed: open the right one.",
    Code.CEREMONY_OTHER_PLAN: "The signature was made for another plan: sign this one.",
    Code.CEREMONY_SIGNATURE: "The signature is not good: have its holder sign again.",
    Code.CEREMONY_INCOMPLETE: "Collect the signatures that are still needed, then assemble again.",
    Code.CEREMONY_OTHER_DOCUMENT: "The files do not belong together: take plan, signatures and document of one ceremony.",
    Code.CEREMONY_NOT_APART: "Somebody who did not sign must look at it: verify with another key.",
    Code.CEREMONY_STALE: "The desk has moved on since the plan was made: plan and sign again.",
    Code.FLEET_NO_KEY: "Give the server the key that its newest root or settings name: `fleet key`.",
    Code.FLEET_KEY: "Name the key that the server's certificate, root or settings bear.",
    Code.ATTESTATION_PUBLIC: "What the device says of its TPM's key cannot be read: update its agent.",
    Code.ATTESTATION_ENDORSEMENT: "The TPM is of no maker whom the trust settings name (`ek_roots`): add the maker's root, or enrol without.",
    Code.TUF_DOMAIN: _KEEP + f"`x-firmhold-domain` is `staging` or `production`. {_OWNER}.",
    Code.TUF_DOMAIN_CHANGED: _KEEP
    + "A staging root and a production root never follow one another: check the root ceremony.",
    Code.TUF_FRESHNESS: _KEEP
    + "`x-firmhold-freshness` needs an epoch and a date: check the root ceremony.",
    Code.TUF_FRESHNESS_EPOCH: _KEEP
    + "A new root may raise the freshness epoch or keep it: check the root ceremony.",
    Code.FRESHNESS_NO_EPOCH: _KEEP
    + "The root names no freshness epoch: add `x-firmhold-freshness` to the next one.",
    Code.FRESHNESS_NOT_YET: _KEEP
    + "The signed time is too far ahead to be believed: it needs a new root or a witness.",
    Code.FRESHNESS_FLOOR_SHAPE: "The stored time floor is damaged: begin it again from the root.",
    Code.SETTINGS_FORMAT: _KEEP + "The settings need a newer agent: update the agent first.",
    Code.SETTINGS_CRITICAL: _KEEP + "The settings need a newer agent: update the agent first.",
    Code.SETTINGS_UNLOGGED: _KEEP
    + "Below a production root `log_policy` names witnesses; `none` is for staging.",
    Code.FETCH_NOT_FOUND: "Check the URL, and that the release was published there.",
    Code.FETCH_UNREACHABLE: "Check the network and the URL, then try again.",
    Code.FETCH_STATUS: "The server has a fault of its own; try again later.",
    Code.FETCH_TOO_SLOW: "Try again later, or from a nearer mirror.",
    Code.FETCH_CUT: "The connection ended early; try again.",
    Code.FETCH_TOO_LONG: _KEEP + "The server sent more than was signed for: try another mirror.",
    Code.FETCH_REDIRECTED: "Redirects are not followed; give the URL of the final place.",
    Code.FETCH_ENCODED: "The server must send files as they are, without Content-Encoding.",
    Code.FETCH_URL: "Give an http:// URL with a host.",
    Code.FETCH_PIN: _KEEP
    + "The server shows a key that the trust settings do not name: somebody may be in between.",
    Code.FETCH_CERTIFICATE: _KEEP
    + "The server's certificate is not of the device's own authority, or not of this time.",
    Code.FETCH_RANGE: "The server answers with another part than it was asked for: try another one.",
    Code.FETCH_REFUSED: "The server refuses this device: look at its certificate and at what the server says of it.",
    Code.FETCH_DISK_FULL: "The spool is full: make room, then try again; what was fetched is kept.",
    Code.CA_TPM: "Enrol with the TPM that holds the key, one device for each TPM; or without one.",
    Code.CA_TOKEN: "The token is unknown, used, over, or for another device: make a new one with `fleet enrol`.",
    Code.CA_REQUEST: "The signing request is malformed, or its key is of a kind that is not taken.",
    Code.CA_DEVICE: "Enrol the device first, or let it in again.",
    Code.CA_CHALLENGE: "Ask for a challenge and answer it at once.",
    Code.GATEWAY_CERTIFICATE: "Present the certificate that this server issued to the device.",
    Code.GATEWAY_AUTHORITY: "Its authority counts no more: the device asks for another certificate with its own key.",
    Code.GATEWAY_SUPERSEDED: "A later certificate has its place: ask for another with the device's own key.",
    Code.GATEWAY_REVOKED: "The certificate counts no more: ask for another with the device's own key.",
    Code.GATEWAY_NONCE: "Check in first, then report at once.",
    Code.GATEWAY_TOO_LARGE: "Send less.",
    Code.GATEWAY_TOO_OFTEN: "Wait as long as the last answer said before you ask again.",
    Code.GATEWAY_TOO_SLOW: "Send the whole request at once.",
    Code.GATEWAY_NOT_FOUND: "There is no such thing here for this device.",
    Code.GATEWAY_BUSY: "The server cannot answer now; try again later.",
    Code.FLEET_NO_DEVICE: "See which devices there are: `fleet devices`.",
    Code.FLEET_DEVICE_THERE: "A device of that name is here already: choose another name.",
    Code.FLEET_NO_ROLLOUT: "See which rollouts there are: `fleet status`.",
    Code.FLEET_REPORT_AGAIN: "Nothing: it was taken in when it came first.",
    Code.FLEET_ROLLOUT_OVER: "Begin a new rollout.",
    Code.FLEET_LINT: "Mend what the findings name, and plan again.",
    Code.FLEET_DATABASE: "Make the database and its roles first, as `docs/guides/postgresql.md` does, and see that the URL reaches them.",
    Code.FLEET_HOME: "Name a folder that `fleet init` has made.",
    Code.FLEET_SITE_WENT_BACK: "The site shows an older timestamp than before: publish again, and look who wrote there.",
    Code.FLEET_SETUP: "Mend `fleet.json` at the place that is named, or set the server up anew.",
    Code.FLEET_REFUSED: "The code at the end says which check of the server spoke.",
    Code.FLEET_UNREACHABLE: "Start the server with `fleet serve`, or look into its log.",
    Code.STORE_NO_ROOT: "Begin with `init TRUSTED_ROOT`, with a root that came by a safe way.",
    Code.STORE_ROOT_DAMAGED: "Begin again in an empty folder with a root that came by a safe way.",
    Code.STORE_ALREADY_PINNED: "Use an empty folder to trust another root.",
    Code.STORE_NAME_TOO_LONG: "The target's path is too long for a file name here; shorten it.",
    Code.STORE_IO: "Check that the path exists, that you may write there, and that space is left.",
    Code.KEY_URI: "Write the key as `file:PATH`, `pkcs11:token=TOKEN;object=NAME?module-path=LIBRARY` or `tpm:PATH`; PINs never stand there.",
    Code.KEY_UNREADABLE: "Check that the path names an encrypted private key in PEM form.",
    Code.KEY_PASSPHRASE: "Give the passphrase of this key.",
    Code.KEY_EXISTS: "Keys are never overwritten: choose another name or folder.",
    Code.KEY_PIN: "Give the PIN of this token or key; it was tried once, and a token counts wrong ones.",
    Code.KEY_TOKEN: "See that the token or the TPM is there and that the library is the maker's; then try again.",
    Code.KEY_ALGORITHM: "Appoint a key of a scheme that the trust settings let sign, or sign other settings.",
    Code.KEY_ABSENT: "Look at what the token holds, and name one key of it by object= or id=.",
    Code.RELEASE_DESK: "Name a folder that `release keys init` has made, or an empty one to make it.",
    Code.RELEASE_TARGET_NAME: "Use letters, digits, `.`, `_`, `+` and `-`, beginning with a letter or digit.",
    Code.RELEASE_NO_SUCH_FILE: "Check the path of the file.",
    Code.RELEASE_NOT_A_ROLE: "The release authorities are `feature` and `security`.",
    Code.RELEASE_STALE_DRAFT: "The role has moved on since: discard the draft and build again.",
    Code.RELEASE_ALTERED_DRAFT: "Somebody wrote in the draft: discard it, build again, and find out who.",
    Code.RELEASE_SITE_TAKEN: "Publish into a folder of this domain's own, or an empty one.",
    Code.DEVICE_CONFIG: "Write the file `device.json` again with `device init`, in an empty folder.",
    Code.DEVICE_BUSY: "Wait until the other command is through, then run this one again.",
    Code.DEVICE_FETCH: "Nothing was changed. Try `firmhold device check` by hand, and read what is said above.",
    Code.DEVICE_SLOT: "The slot was changed or its medium is failing: boot the other slot, and have the release installed again.",
    Code.DEVICE_WALL: "This kernel cannot wall the process in: use one with Landlock and seccomp.",
    Code.DEVICE_THERE: "A device is here already: use an empty folder for another one.",
    Code.RELEASE_DESCRIPTION: "Mend the description at the place that is named; see the guide of a first release.",
    Code.RELEASE_NO_COUNTER: "Have the security authority sign a counter first: `release counter`.",
    Code.RELEASE_NO_SUCH_RELEASE: "Publish it first, and name it by its target path; see `release show --json`.",
    Code.RELEASE_INCOMPLETE: "Build the release again at this desk: something that it names is not here.",
    Code.RELEASE_NOT_A_HOLDER: "This key is not one of the role's; see `release show`.",
    Code.RELEASE_NOTHING_TO_SIGN: "Build a release first; see `release show`.",
    Code.RELEASE_DRAFT_OPEN: "Sign and publish the open draft first, or discard it; see `release show`.",
    Code.INSTALL_BUSY: "Another release is being tried or confirmed; offer this one again later.",
    Code.INSTALL_BELOW_FLOOR: "The device will never run this release; offer a newer one.",
    Code.INSTALL_FAILED_BEFORE: "This release has failed on this device; find out why, and offer another.",
    Code.INSTALL_TOO_LARGE: "The image is larger than a slot of this device: build a smaller one.",
    Code.INSTALL_SEVERAL: "This agent changes one component at a time: assign them one after another.",
    Code.UPTANE_OTHER_DEVICE: _KEEP + f"The Director's word is for another device. {_OWNER}.",
    Code.UPDATE_RECOVERY_CLASS: _KEEP
    + "The device doubts the time and takes only what mends it: bring it a new root or a witness.",
    Code.MEMORY_LOST: "A copy of the device's memory is gone; the other one serves. Find out who deleted it.",
    Code.MEMORY_STALE: "Somebody put an older memory back. What runs was verified at boot; look at the device.",
    Code.DRILL_FIRMWARE_DIGEST: "The cached download was damaged and is deleted; run it again.",
    Code.MISUSE: "See `firmhold --help`.",
}

_BY_FAMILY = {
    "update.manifest": _KEEP + f"{_OWNER} that a release manifest is malformed.",
    "update.critical_extension": _KEEP
    + "The release needs a newer agent: install the release that brings it first.",
    "update.not_due": "The wave of this device has not begun: wait for the date that was signed.",
    "update.index": _KEEP + f"{_OWNER} that the index of an image is malformed.",
    "update.extent": _KEEP + f"{_OWNER} that the index of an image is malformed.",
    "update.payload": _KEEP + "A payload is not the signed one: try another mirror.",
    "update.wrong_base": _KEEP
    + "The installed image is not the one that the small update is for: take the full one.",
    "memory": "A copy of the device's memory is not what the device wrote. The other one serves.",
    "update.piece": _KEEP + "A part of the image is not the signed one: fetch or write it again.",
    "update.image": _KEEP + "The image is not the signed one: fetch or write it again.",
    "update.hardware": _KEEP + "The release is for other hardware: assign one that is for this.",
    "update.required_release": _KEEP + "Install the release that is required before this one.",
    "update.agent": _KEEP + "Install the release that brings a newer agent before this one.",
    "update.set_partial": _KEEP + "Assign every component of the release, or none.",
    "update.dependency": _KEEP + "Assign the release of the other component that this one needs.",
    "update.downgrade": _KEEP
    + "Going back needs a revert authorisation of the security authority for this device.",
    "update.revert": _KEEP
    + "The revert authorisation is not for this device, this step or this day: ask for another.",
    "update.security_floor": _KEEP + "Nothing below the security floor is installed again, ever.",
    "update.security_counter": _KEEP
    + "Build the release with the security counter that the security authority gives the product.",
    "update.not_recorded": _KEEP + "The release is not in the log, or the log cannot be asked yet.",
    "update": _KEEP + f"The release is not one that this device may take. {_OWNER}.",
    "protocol": _KEEP + "The message is not one that can be meant, or not the sender's own.",
    "act": "Nothing goes out by this act: look at who signed it, for which product, and when.",
    "uptane": _KEEP
    + "Director and image repository do not agree about this device. "
    + _OWNER
    + ".",
    "freshness": _KEEP
    + f"The answer does not tell this device the time: ask again, by another way. {_OWNER}.",
    "offline": _KEEP
    + "The offline update is not for this device now: have its holders make a new one.",
    "manifest": "The report was not taken in: have the device report again, and look who sent it.",
    "settings": _KEEP
    + f"The trust settings that were offered are not such as a device may take. {_OWNER}.",
    "encoding": _KEEP + f"{_OWNER} that a document is malformed, or try another mirror.",
    "tuf.shape": _KEEP + f"{_OWNER} that a document is malformed.",
    "tuf.spec_version": _KEEP + "This client reads version 1 of the TUF specification.",
    "tuf.wrong_type": _KEEP + "A document stood in another one's place: try another mirror.",
    "tuf.signatures": _KEEP
    + "Too few holders signed: try another mirror, then "
    + _OWNER.lower()
    + ".",
    "tuf.root_version": _KEEP + f"Roots must follow one by one. {_OWNER}.",
    "tuf.rollback": _KEEP + "Something older was offered: try another mirror.",
    "tuf.removed_from_snapshot": _KEEP + f"A role has vanished. {_OWNER}.",
    "tuf.not_in_snapshot": _KEEP + f"The snapshot does not name the role. {_OWNER}.",
    "tuf.mix": _KEEP + "Metadata of different moments were mixed: try again, then another mirror.",
    "tuf.freeze": _KEEP + "Check this machine's clock; else newer metadata are being withheld.",
    "tuf.delegation": _KEEP + f"The delegations go on for too long. {_OWNER}.",
    "tuf.target": _KEEP + "The file is not the one that was signed: try another mirror.",
}


def advice_for(code: Code) -> str:
    """Return one or two sentences for the person who meets `code`."""
    if code in _ADVICE:
        return _ADVICE[code]
    return next(text for prefix, text in _BY_FAMILY.items() if code.startswith(prefix))
