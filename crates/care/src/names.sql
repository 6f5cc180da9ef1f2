-- Each table carries its crate.
ALTER TABLE note RENAME TO care_note;
ALTER TABLE note_version RENAME TO care_note_version;
ALTER TABLE note_addressee RENAME TO care_note_addressee;
ALTER TABLE note_reply RENAME TO care_note_reply;
ALTER TABLE note_read RENAME TO care_note_read;
ALTER TABLE note_reaction RENAME TO care_note_reaction;
