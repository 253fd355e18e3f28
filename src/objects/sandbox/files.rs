//! Files of a sandbox.

use crate::objects::sandbox::logic::{SandboxLogic, refusal};
use crate::ports::sandboxes::{ByteStream, Content, Given, SandboxRefusal};
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob};
use docle_protocol::sandbox::{FileRequest, FileResponse};
use futures::StreamExt;
use std::rc::Rc;

impl SandboxLogic {
    /// Does an operation on files.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn files(
        self: &Rc<Self>,
        project_id: &str,
        request: &FileRequest,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        if !matches!(request, FileRequest::Stat { .. } | FileRequest::List { .. } | FileRequest::Search { .. }) {
            self.files_change()?;
        }
        self.on_machine(&mut entered, async |host| host.files(request).await).await
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn read(
        self: &Rc<Self>,
        project_id: &str,
        path: &str,
        range: Option<&str>,
    ) -> Result<Given<Content>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        let Given { value: Content { head, body }, restored_from } =
            self.on_machine(&mut entered, async |host| host.read(path, range).await).await?;
        // The sandbox does not sleep while the content is on its way.
        let body = body.map(move |chunk| {
            let _ = &entered;
            chunk
        });
        Ok(Given { value: Content { head, body: body.boxed_local() }, restored_from })
    }

    /// Writes a file. The machine is asked first, because the content comes once.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn write(
        self: &Rc<Self>,
        project_id: &str,
        path: &str,
        content: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        let asked = self.on_machine(&mut entered, async |host| host.state().await).await?;
        self.files_change()?;
        let value = self.ports.host.write(path, content).await.map_err(refusal)?;
        // Files that were written during a save are saved again.
        self.files_change()?;
        Ok(Given { value, restored_from: asked.restored_from })
    }

    /// Checks a repository out.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn check_out(
        self: &Rc<Self>,
        project_id: &str,
        job: &CheckoutJob,
    ) -> Result<Given<CheckedOut>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        self.files_change()?;
        let given = self.on_machine(&mut entered, async |host| host.check_out(job).await).await?;
        // Files that were written during a save are saved again.
        self.files_change()?;
        Ok(given)
    }

    /// The archive of a directory.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn export(self: &Rc<Self>, project_id: &str, path: &str) -> Result<Given<ByteStream>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        let Given { value, restored_from } =
            self.on_machine(&mut entered, async |host| host.export(path).await).await?;
        // The sandbox does not sleep while the archive is on its way.
        let archive = value.map(move |chunk| {
            let _ = &entered;
            chunk
        });
        Ok(Given { value: archive.boxed_local(), restored_from })
    }

    /// Unpacks an archive into a directory. The machine is asked first, because the archive comes once.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn import(
        self: &Rc<Self>,
        project_id: &str,
        path: &str,
        archive: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        let asked = self.on_machine(&mut entered, async |host| host.state().await).await?;
        self.files_change()?;
        let value = self.ports.host.import(path, archive).await.map_err(refusal)?;
        // Files that were written during a save are saved again.
        self.files_change()?;
        Ok(Given { value, restored_from: asked.restored_from })
    }

    /// Starts the machine unless it runs.
    ///
    /// # Errors
    /// As in [`SandboxRefusal`].
    pub async fn start_now(self: &Rc<Self>, project_id: &str) -> Result<(), SandboxRefusal> {
        self.enter(project_id).await.map(drop)
    }
}
