//! How the things that several desks show look on each of them: a person's head, a case and its story, a visit, a photo,
//! an absence, the way into a home, the question whether all is well. It draws what it is given and posts where the owning desk listens; it decides
//! nothing.

pub mod call_centre;
pub mod case;
pub mod head;
pub mod home;
pub mod photo;
pub mod question;
pub mod story;
pub mod visit;
